/** Writing all of it: short writes are continued, and no call takes more than the system does. */
import type { OpenFile } from './files.ts'

/** IOV_MAX is 1024 on every system we know. */
const BUFFERS_MAX = 512
/** Linux takes at most 2^31 - 4096 bytes in one call. */
const BYTES_MAX = 2 ** 30

export async function writeWhole(file: OpenFile, buffers: readonly Buffer[], position: number): Promise<void> {
  let at = position
  let index = 0
  let skip = 0
  while (index < buffers.length) {
    const batch = takeBatch(buffers, index, skip)
    let left = await file.write(batch, at)
    if (left === 0) throw new Error(`${file.path}: the system wrote nothing and gave no reason`)
    at += left
    while (left > 0) {
      const rest = (buffers[index] as Buffer).length - skip
      if (left < rest) {
        skip += left
        break
      }
      left -= rest
      index++
      skip = 0
    }
  }
}

function takeBatch(buffers: readonly Buffer[], index: number, skip: number): readonly Buffer[] {
  if (index === 0 && skip === 0 && buffers.length === 1) return buffers
  const batch: Buffer[] = []
  let bytes = 0
  for (let at = index; at < buffers.length && batch.length < BUFFERS_MAX; at++) {
    const buffer = buffers[at] as Buffer
    const part = at === index && skip > 0 ? buffer.subarray(skip) : buffer
    if (batch.length > 0 && bytes + part.length > BYTES_MAX) break
    batch.push(part)
    bytes += part.length
  }
  return batch
}
