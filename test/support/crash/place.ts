/**
 * Where the broker is now. Clients wait here for its next life; who kills it says so here first, so that a connection
 * lost without that is known for what it is.
 */
export class Place {
  #url: string | undefined
  #life = 0
  #waiters: (() => void)[] = []
  /** Resolves when there will be no further life, and clients shall go home. */
  readonly closed: Promise<void>
  #close: () => void = () => {}

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
  }

  /** False from the moment that somebody is about to end it. */
  get isUp(): boolean {
    return this.#url !== undefined
  }

  get life(): number {
    return this.#life
  }

  movedTo(url: string): void {
    this.#url = url
    this.#life++
    this.#wake()
  }

  goingDown(): void {
    this.#url = undefined
  }

  close(): void {
    this.#url = undefined
    this.#life = Number.POSITIVE_INFINITY
    this.#close()
    this.#wake()
  }

  /** Resolves when the broker is up in a life after this one; undefined when there will be none. */
  async after(life: number): Promise<{ url: string; life: number } | undefined> {
    for (;;) {
      if (this.#life === Number.POSITIVE_INFINITY) return undefined
      if (this.#url !== undefined && this.#life > life) return { url: this.#url, life: this.#life }
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }
}
