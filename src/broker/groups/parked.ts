/**
 * A request that waits for its group. It is answered exactly once: by the group, or by `whenGone` when the connection
 * it came on is gone, so that no request is forgotten and none keeps a place for nobody.
 */
export class Parked<Answer> {
  readonly promise: Promise<Answer>
  readonly #gone: AbortSignal
  readonly #onGone: () => void
  #resolve: (answer: Answer) => void = () => {}

  /** `gone` must not be aborted yet: an aborted signal calls nobody. */
  constructor(gone: AbortSignal, whenGone: () => void) {
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#gone = gone
    this.#onGone = whenGone
    gone.addEventListener('abort', whenGone, { once: true })
  }

  answer(answer: Answer): void {
    this.#gone.removeEventListener('abort', this.#onGone)
    this.#resolve(answer)
  }
}
