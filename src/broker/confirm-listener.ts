/**
 * Answers for published messages, without a promise per message. `expect` is called inside `publish`, once per answer
 * to come; later, each with one `confirmed` or `rejected`. A message is safe when all its answers came and none was a
 * rejection. Answers may also come inside `publish`.
 */
export interface ConfirmListener {
  expect(sequence: number): void
  /** Durable as promised, or settled already. */
  confirmed(sequence: number): void
  /** Not taken: a full queue that rejects, or storage that failed. */
  rejected(sequence: number): void
}
