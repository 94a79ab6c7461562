/** Handshakes and frames, good and bad. */
import { FRAME_BODY, FRAME_HEARTBEAT, FRAME_METHOD } from '../../../src/protocols/amqp/wire/frame.ts'
import { plainTable } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import { contentHeader, frame, type Handshake } from './peer.ts'
import type { ProbeCase, Stage } from './stage.ts'

const NO_PROPERTIES = Buffer.from([0, 0])

const hello = (name: string, bytes: string): ProbeCase => [
  `hello ${name}`,
  async (stage) => stage.shown(await stage.hello(Buffer.from(bytes, 'latin1'))),
]

const handshake = (name: string, given: Handshake): ProbeCase => [
  name,
  async (stage) => stage.shown(await stage.handshake(given)),
]

/** Sends these bytes on a connection with channel 1 open. */
const bytes = (name: string, ...sent: Buffer[]): ProbeCase => [
  name,
  async (stage) => {
    const peer = await stage.channel()
    for (const part of sent) peer.raw(part)
    return stage.shown(await peer.next())
  },
]

const methodFrame = (classId: number, methodId: number, end?: number): Buffer => {
  const payload = Buffer.alloc(4)
  payload.writeUInt16BE(classId, 0)
  payload.writeUInt16BE(methodId, 2)
  return frame(FRAME_METHOD, 1, payload, end)
}

async function startAndTune(stage: Stage): Promise<string> {
  const { start, tune } = await stage.peer()
  if (start === undefined || tune === undefined) throw new Error('open without start or tune')
  const properties = plainTable(start.serverProperties)
  return [
    `mechanisms=${start.mechanisms.split(' ').sort().join(' ')}`,
    `locales=${start.locales}`,
    `capabilities=${JSON.stringify(properties['capabilities'])}`,
    `properties=${Object.keys(properties).sort().join(' ')}`,
    `tune=${tune.channelMax},${tune.frameMax},${tune.heartbeat}`,
  ].join(' ')
}

export const handshakeCases: readonly ProbeCase[] = [
  hello('AMQP 0-0-9-0', 'AMQP\x00\x00\x09\x00'),
  hello('AMQP 1-1-8-0 (0-8)', 'AMQP\x01\x01\x08\x00'),
  hello('garbage', 'XXXXXXXX'),
  hello('GET / HTTP', 'GET / HTTP/1.1\r\n\r\n'),
  ['start/tune', startAndTune],
  handshake('bad password, authentication_failure_close', { password: 'no' }),
  handshake('bad password, no capability', { password: 'no', capabilities: new Map() }),
  handshake('unknown mechanism', { mechanism: 'NOPE' }),
  handshake('unknown vhost', { virtualHost: 'nope' }),
  handshake('tune-ok frame_max 1000 (<4096)', { tune: [100, 1000, 0] }),
  handshake('tune-ok frame_max 4096', { tune: [100, 4096, 0] }),
  handshake('tune-ok frame_max 200000 (> server)', { tune: [100, 200_000, 0] }),
  handshake('tune-ok frame_max 0 (no limit)', { tune: [100, 0, 0] }),
  handshake('tune-ok channel_max 65535 (> server)', { tune: [65_535, 131_072, 0] }),
  handshake('tune-ok channel_max 0', { tune: [0, 131_072, 0] }),
  ['3rd channel with channel_max=2', (stage) => openChannels(stage, [1, 2, 3])],
  ['channel number 5 with channel_max=2', (stage) => openChannels(stage, [5])],
]

async function openChannels(stage: Stage, channels: readonly number[]): Promise<string> {
  const peer = await stage.peer({ tune: [2, 131_072, 0] })
  let answer = ''
  for (const channel of channels) answer = stage.shown(await peer.call(channel, 'channel.open'))
  return answer
}

export const framingCases: readonly ProbeCase[] = [
  [
    'method on unopened channel',
    async (stage) => stage.shown(await (await stage.peer()).call(7, 'queue.declare', { queue: 'x' })),
  ],
  ['second channel.open', (stage) => stage.lastAnswer(['channel.open'])],
  bytes('heartbeat on channel 1', frame(FRAME_HEARTBEAT, 1, Buffer.alloc(0))),
  bytes('unknown class 99 method 1', methodFrame(99, 1)),
  bytes('basic unknown method 250', methodFrame(60, 250)),
  bytes('bad frame-end octet', methodFrame(50, 10, 0xcd)),
  bytes('unknown frame type 77', frame(77, 1, Buffer.from('a'))),
  bytes('body frame without method', frame(FRAME_BODY, 1, Buffer.from('a'))),
  ['method while header expected', (stage) => publishTwice(stage)],
  ['body longer than header size', bodyTooLong],
  ['frame larger than frame_max', (stage) => bodyInOneFrame(stage, 9000)],
  ['payload = frame_max exactly (8 bytes over: tolerated?)', (stage) => bodyInOneFrame(stage, 4096)],
  bytes('truncated queue.declare args', methodFrame(50, 10)),
  [
    'connection.open twice',
    async (stage) => stage.shown(await (await stage.peer()).call(0, 'connection.open', { virtualHost: '/' })),
  ],
]

async function publishTwice(stage: Stage): Promise<string> {
  const peer = await stage.channel()
  peer.send(1, 'basic.publish', { routingKey: 'q' })
  peer.send(1, 'basic.publish', { routingKey: 'q' })
  return stage.shown(await peer.next())
}

/** Whether it is silently taken shows in what comes next: opening another channel is answered, or is not. */
async function bodyTooLong(stage: Stage): Promise<string> {
  const peer = await stage.channel()
  peer.send(1, 'basic.publish', { routingKey: 'q' })
  peer.raw(contentHeader(1, 2, NO_PROPERTIES))
  peer.raw(frame(FRAME_BODY, 1, Buffer.from('abcdef')))
  return stage.shown(await peer.call(2, 'channel.open'))
}

async function bodyInOneFrame(stage: Stage, sizeBytes: number): Promise<string> {
  const peer = await stage.channel({ tune: [10, 4096, 0] })
  peer.publish(1, { routingKey: 'q' }, 'a'.repeat(sizeBytes))
  return stage.shown(await peer.call(1, 'queue.declare', { exclusive: true }))
}
