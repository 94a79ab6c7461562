import { expect, test } from 'vitest'
import { KAFKA_ERRORS, kafkaErrorName } from './errors.ts'

test('kafka errors: every code from -1 to 133 has one name', () => {
  const codes = Object.values(KAFKA_ERRORS).map(({ code }) => code)
  expect([...codes].sort((one, other) => one - other)).toEqual(Array.from({ length: 135 }, (_, index) => index - 1))
})

test('kafka errors: names, codes and what a client may try again', () => {
  expect(kafkaErrorName(2)).toBe('CORRUPT_MESSAGE')
  expect(kafkaErrorName(0)).toBe('NONE')
  expect(kafkaErrorName(4711)).toBeUndefined()
  expect(KAFKA_ERRORS.NOT_LEADER_OR_FOLLOWER).toMatchObject({ code: 6, isRetriable: true })
  expect(KAFKA_ERRORS.CONCURRENT_TRANSACTIONS).toMatchObject({ code: 51, isRetriable: true })
  expect(KAFKA_ERRORS.PRODUCER_FENCED).toMatchObject({ code: 90, isRetriable: false })
  expect(KAFKA_ERRORS.INVALID_RECORD.message).not.toBe('')
})
