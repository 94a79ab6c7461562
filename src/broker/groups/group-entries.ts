/**
 * What groups write to their logs, and read back at replay. A log holds control entries, one state change of one group
 * each, and snapshots: all entries it would take to make the log's groups anew, one after the other.
 *
 *     control    u8 kind │ text group │ ...
 *                1 offsets    n × (text stream, p × (varint partition, offset))
 *                2 members    varint generation │ text protocol type │ text protocol │ text leader │ varint empty since ms
 *                             │ n × member
 *                3 removed    nothing: the group with all its offsets
 *                4 forgotten  n × (text stream, p × varint partition)
 *                5 staged     varint producer id │ as in offsets: they count when the producer's transaction commits
 *                6 ended      varint producer id │ u8 outcome: 0 abort, 1 commit
 *     offset     varint zigzag offset │ varint leader epoch + 1 │ text metadata │ varint committed at ms
 *                │ varint expires at ms (0: by the group's age)
 *     member     text id │ optional text instance │ text client id │ text client host │ varint session timeout ms
 *                │ varint rebalance timeout ms │ n × (text name, bytes metadata, streams) │ bytes assignment
 *     streams    u8 0 unknown, or u8 1 │ n × text
 *     snapshot   u8 1 version │ n × bytes control entry, up to the end
 *
 * varint: `base/varint.ts`. "n ×" begins with a varint count; bytes and text (UTF-8) with a varint length; optional text
 * with u8 0 (nothing follows) or 1.
 */
import { invariant, StorageError } from '../../base/errors.ts'
import { EntryReader, EntryWriter } from '../entry-codec.ts'
import type { MemberProtocol } from './group-door.ts'
import type { StoredMember, StoredMembership } from './stored-group.ts'

const Kind = { offsets: 1, members: 2, removed: 3, forgotten: 4, staged: 5, ended: 6 } as const
const SNAPSHOT_VERSION = 1

export interface StoredOffset {
  readonly stream: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly committedMs: number
  /** 0: by the group's age. */
  readonly expiresMs: number
}

export interface PartitionName {
  readonly stream: string
  readonly partition: number
}

export type GroupEntry =
  | { readonly kind: 'offsets'; readonly group: string; readonly offsets: readonly StoredOffset[] }
  | { readonly kind: 'members'; readonly group: string; readonly membership: StoredMembership }
  | { readonly kind: 'removed'; readonly group: string }
  | { readonly kind: 'forgotten'; readonly group: string; readonly partitions: readonly PartitionName[] }
  | {
      readonly kind: 'staged'
      readonly group: string
      readonly producerId: number
      readonly offsets: readonly StoredOffset[]
    }
  | {
      readonly kind: 'ended'
      readonly group: string
      readonly producerId: number
      readonly outcome: 'commit' | 'abort'
    }

export function encodeEntry(entry: GroupEntry): Buffer {
  const writer = new EntryWriter()
  writer.byte(Kind[entry.kind])
  writer.text(entry.group)
  if (entry.kind === 'offsets') writeOffsets(writer, entry.offsets)
  else if (entry.kind === 'members') writeMembership(writer, entry.membership)
  else if (entry.kind === 'forgotten') {
    writeByStream(writer, entry.partitions, ({ partition }) => writer.varint(partition))
  } else if (entry.kind === 'staged') {
    writer.varint(entry.producerId)
    writeOffsets(writer, entry.offsets)
  } else if (entry.kind === 'ended') {
    writer.varint(entry.producerId)
    writer.byte(entry.outcome === 'commit' ? 1 : 0)
  }
  return writer.take()
}

/** @throws {StorageError} 'newer-format', 'damaged' */
export function decodeEntry(payload: Buffer): GroupEntry {
  const reader = new EntryReader(payload)
  const kind = reader.byte()
  const group = reader.text()
  switch (kind) {
    case Kind.offsets:
      return { kind: 'offsets', group, offsets: readOffsets(reader) }
    case Kind.members:
      return { kind: 'members', group, membership: readMembership(reader) }
    case Kind.removed:
      return { kind: 'removed', group }
    case Kind.forgotten:
      return { kind: 'forgotten', group, partitions: readByStream(reader, (name) => ({ ...name })) }
    case Kind.staged:
      return { kind: 'staged', group, producerId: reader.varint(), offsets: readOffsets(reader) }
    case Kind.ended:
      return { kind: 'ended', group, producerId: reader.varint(), outcome: reader.byte() === 1 ? 'commit' : 'abort' }
    default:
      throw new StorageError('newer-format', `unknown entry ${kind} in a log of groups`)
  }
}

export function encodeSnapshot(entries: Iterable<Buffer>): Buffer {
  const writer = new EntryWriter()
  writer.byte(SNAPSHOT_VERSION)
  for (const entry of entries) writer.bytes(entry)
  return writer.take()
}

/** The control entries in it. @throws {StorageError} 'newer-format', 'damaged' */
export function decodeSnapshot(payload: Buffer): Buffer[] {
  const reader = new EntryReader(payload)
  const version = reader.byte()
  if (version !== SNAPSHOT_VERSION) throw new StorageError('newer-format', `a snapshot of groups of version ${version}`)
  const entries: Buffer[] = []
  while (!reader.isAtEnd) entries.push(reader.bytes())
  return entries
}

function writeOffsets(writer: EntryWriter, offsets: readonly StoredOffset[]): void {
  writeByStream(writer, offsets, ({ partition, offset, leaderEpoch, metadata, committedMs, expiresMs }) => {
    writer.varint(partition)
    // Clients do commit negative numbers: they stand for the earliest or latest offset there is.
    writer.varint(offset >= 0 ? offset * 2 : -offset * 2 - 1)
    writer.varint(leaderEpoch + 1)
    writer.text(metadata)
    writer.varint(committedMs)
    writer.varint(expiresMs)
  })
}

function readOffsets(reader: EntryReader): StoredOffset[] {
  return readByStream(reader, (name) => ({
    ...name,
    offset: unzigzag(reader.varint()),
    leaderEpoch: reader.varint() - 1,
    metadata: reader.text(),
    committedMs: reader.varint(),
    expiresMs: reader.varint(),
  }))
}

const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2)

/** Stream names once, however many partitions. */
function writeByStream<T extends PartitionName>(
  writer: EntryWriter,
  items: readonly T[],
  write: (item: T) => void,
): void {
  const byStream = new Map<string, T[]>()
  for (const item of items) {
    const known = byStream.get(item.stream)
    if (known === undefined) byStream.set(item.stream, [item])
    else known.push(item)
  }
  writer.varint(byStream.size)
  for (const [stream, ofStream] of byStream) {
    writer.text(stream)
    writer.varint(ofStream.length)
    for (const item of ofStream) write(item)
  }
}

function readByStream<T>(reader: EntryReader, read: (name: PartitionName) => T): T[] {
  const items: T[] = []
  for (let streams = reader.count(); streams > 0; streams--) {
    const stream = reader.text()
    for (let partitions = reader.count(); partitions > 0; partitions--) {
      items.push(read({ stream, partition: reader.varint() }))
    }
  }
  return items
}

function writeMembership(writer: EntryWriter, membership: StoredMembership): void {
  invariant(membership.members.length === 0 || membership.emptySinceMs === 0, 'a group with members is not empty')
  writer.varint(membership.generation)
  writer.text(membership.protocolType)
  writer.text(membership.protocol)
  writer.text(membership.leader)
  writer.varint(membership.emptySinceMs)
  writer.varint(membership.members.length)
  for (const member of membership.members) {
    writer.text(member.id)
    writer.optionalText(member.instanceId)
    writer.text(member.clientId)
    writer.text(member.clientHost)
    writer.varint(member.sessionTimeoutMs)
    writer.varint(member.rebalanceTimeoutMs)
    writer.varint(member.protocols.length)
    for (const { name, metadata, streams } of member.protocols) {
      writer.text(name)
      writer.bytes(metadata)
      writer.byte(streams === undefined ? 0 : 1)
      if (streams === undefined) continue
      writer.varint(streams.length)
      for (const stream of streams) writer.text(stream)
    }
    writer.bytes(member.assignment)
  }
}

function readMembership(reader: EntryReader): StoredMembership {
  const head = {
    generation: reader.varint(),
    protocolType: reader.text(),
    protocol: reader.text(),
    leader: reader.text(),
    emptySinceMs: reader.varint(),
  }
  const members: StoredMember[] = []
  for (let count = reader.count(); count > 0; count--) {
    members.push({
      id: reader.text(),
      instanceId: reader.optionalText(),
      clientId: reader.text(),
      clientHost: reader.text(),
      sessionTimeoutMs: reader.varint(),
      rebalanceTimeoutMs: reader.varint(),
      protocols: readProtocols(reader),
      assignment: reader.bytes(),
    })
  }
  return { ...head, members }
}

function readProtocols(reader: EntryReader): MemberProtocol[] {
  const protocols: MemberProtocol[] = []
  for (let count = reader.count(); count > 0; count--) {
    protocols.push({
      name: reader.text(),
      metadata: reader.bytes(),
      streams: reader.byte() === 0 ? undefined : readTexts(reader),
    })
  }
  return protocols
}

function readTexts(reader: EntryReader): string[] {
  const texts: string[] = []
  for (let count = reader.count(); count > 0; count--) texts.push(reader.text())
  return texts
}
