/**
 * Counts which publishes are confirmed. A server may confirm one by one, out of order, and many at once, and all that in
 * any mixture, so a tag confirmed alone must not be counted again when a later "and all before it" covers it.
 */
import { invariant } from '../../src/base/errors.ts'

const ALONE = 1

export class ConfirmWindow {
  /** Confirmed so far, each once. */
  confirmedCount = 0
  /** All tags up to here are confirmed. */
  #lowest = 0
  /** One octet for each tag above it: whether it was confirmed alone. A ring, which grows: one late confirm can span more. */
  #marks: Uint8Array
  #mask: number

  /** @param outstandingCount how many wait at once, as a rule */
  constructor(outstandingCount: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(outstandingCount, 2)))
    this.#marks = new Uint8Array(size)
    this.#mask = size - 1
  }

  confirm(tag: number, multiple: boolean): void {
    if (multiple) this.#confirmUpTo(tag)
    else this.#confirmOne(tag)
  }

  #confirmUpTo(tag: number): void {
    for (let each = this.#lowest + 1; each <= tag; each++) {
      const at = each & this.#mask
      if (this.#marks[at] === ALONE) this.#marks[at] = 0
      else this.confirmedCount++
    }
    if (tag > this.#lowest) this.#lowest = tag
    this.#skipMarked()
  }

  #confirmOne(tag: number): void {
    while (tag - this.#lowest > this.#marks.length) this.#grow()
    const at = tag & this.#mask
    invariant(tag > this.#lowest && this.#marks[at] !== ALONE, `publish ${tag} was confirmed twice`)
    this.confirmedCount++
    this.#marks[at] = ALONE
    this.#skipMarked()
  }

  #grow(): void {
    const marks = new Uint8Array(2 * this.#marks.length)
    for (let tag = this.#lowest + 1; tag <= this.#lowest + this.#marks.length; tag++) {
      marks[tag & (marks.length - 1)] = this.#marks[tag & this.#mask]!
    }
    this.#marks = marks
    this.#mask = marks.length - 1
  }

  #skipMarked(): void {
    let at = (this.#lowest + 1) & this.#mask
    while (this.#marks[at] === ALONE) {
      this.#marks[at] = 0
      this.#lowest++
      at = (this.#lowest + 1) & this.#mask
    }
  }
}
