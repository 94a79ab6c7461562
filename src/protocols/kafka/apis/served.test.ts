import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { apiName, knownVersions } from '../wire/codec.ts'
import { findApi, servedApis } from './served.ts'

const page = fileURLToPath(new URL('../../../../docs/protocols/kafka.md', import.meta.url))

test('served: docs/protocols/kafka.md lists every API with its versions, and no other', () => {
  const rows = [...servedApis]
    .sort((a, b) => a.key - b.key)
    .map(({ key, versionMin, versionMax }) => {
      const versions = versionMin === versionMax ? `${versionMin}` : `${versionMin} to ${versionMax}`
      return `| ${key} | ${apiName(key)} | ${versions} |`
    })
  const listed = readFileSync(page, 'utf8')
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
  expect(listed).toEqual(rows)
})

test('served: each API once, in versions the codec knows', () => {
  for (const api of servedApis) {
    const { min, max } = knownVersions(api.key)!
    expect([api.versionMin >= min, api.versionMax <= max, findApi(api.key) === api]).toEqual([true, true, true])
  }
  expect(new Set(servedApis.map(({ key }) => key)).size).toBe(servedApis.length)
  expect(findApi(9999)).toBeUndefined()
  expect(findApi(-1)).toBeUndefined()
})
