/** Those few who wait inside the engine until a ticket is committed, or never will be; in the order of tickets. */
export class TicketWaiters {
  #waiting: { readonly ticket: number; readonly resolve: () => void }[] = []

  wait(ticket: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ ticket, resolve }))
  }

  releaseUpTo(ticket: number): void {
    while ((this.#waiting[0]?.ticket ?? Number.POSITIVE_INFINITY) <= ticket) this.#waiting.shift()?.resolve()
  }
}
