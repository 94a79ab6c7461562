/**
 * Topic patterns: words split on '.', '*' stands for exactly one word, '#' for zero or more. Empty words count
 * ('a..b' has three), only the empty key has no word at all.
 *
 * Patterns share a trie, which is walked as a set of states: each word of the key moves all states at once, and a
 * state is in the set at most once. So the work is bounded by words times nodes, whatever the patterns are; trying the
 * ways through '#.#.#' one by one would grow with every '#'.
 */
import { invariant } from '../../base/errors.ts'

class PatternNode<T> {
  /** The '#' that leads here also holds on to further words. */
  readonly isHash: boolean
  readonly words = new Map<string, PatternNode<T>>()
  star: PatternNode<T> | undefined
  hash: PatternNode<T> | undefined
  readonly values = new Set<T>()
  /** The last step of a walk that reached this node. */
  step = 0

  constructor(isHash: boolean) {
    this.isHash = isHash
  }

  get isEmpty(): boolean {
    return this.values.size === 0 && this.words.size === 0 && this.star === undefined && this.hash === undefined
  }
}

export interface Matches<T> {
  matched(value: T): void
}

export class TopicPatterns<T> {
  readonly #root = new PatternNode<T>(false)
  #step = 0
  /** The states of the walk, before and after a word. Kept, so that a walk allocates no arrays. */
  #now: PatternNode<T>[] = []
  #next: PatternNode<T>[] = []

  /** Adds a value under a pattern; the same value under the same pattern counts once. */
  add(pattern: string, value: T): void {
    let node = this.#root
    for (const word of normalWords(pattern)) node = childFor(node, word)
    node.values.add(value)
  }

  remove(pattern: string, value: T): void {
    const words = normalWords(pattern)
    const path = [this.#root]
    for (const word of words) {
      const child = childOf(path.at(-1)!, word)
      if (child === undefined) return
      path.push(child)
    }
    path.at(-1)!.values.delete(value)
    for (let depth = words.length; depth > 0 && path[depth]!.isEmpty; depth--) {
      dropChild(path[depth - 1]!, words[depth - 1]!)
    }
  }

  /** Tells every value whose pattern matches; one that stands under several matching patterns is told several times. */
  match(key: string, matches: Matches<T>): void {
    this.#now.length = 0
    this.#step++
    this.#reach(this.#root, this.#now)
    let start = 0
    while (key.length > 0 && start <= key.length && this.#now.length > 0) {
      const dot = key.indexOf('.', start)
      const end = dot === -1 ? key.length : dot
      this.#take(key.slice(start, end))
      start = end + 1
    }
    for (const node of this.#now) for (const value of node.values) matches.matched(value)
  }

  /** Moves every state over one word. */
  #take(word: string): void {
    const next = this.#next
    next.length = 0
    this.#step++
    for (const node of this.#now) {
      if (node.isHash) this.#reach(node, next)
      const child = node.words.get(word)
      if (child !== undefined) this.#reach(child, next)
      if (node.star !== undefined) this.#reach(node.star, next)
    }
    this.#next = this.#now
    this.#now = next
  }

  /** A '#' may stand for no word, so whoever reaches a node has reached the '#' behind it. */
  #reach(from: PatternNode<T>, states: PatternNode<T>[]): void {
    for (let node: PatternNode<T> | undefined = from; node !== undefined; node = node.hash) {
      if (node.step === this.#step) return
      node.step = this.#step
      states.push(node)
    }
  }

  /** Whether nothing at all is kept: removing all values leaves no node behind. */
  get isEmpty(): boolean {
    return this.#root.isEmpty
  }
}

export function topicWords(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

/**
 * The words of the shortest pattern with the same meaning: in a run of wildcards only the number of '*' and whether
 * there is a '#' count, so '#.*.#.*' is '*.*.#'.
 */
function normalWords(pattern: string): string[] {
  const normal: string[] = []
  let hashPending = false
  for (const word of topicWords(pattern)) {
    if (word === '#') hashPending = true
    else if (word === '*') normal.push(word)
    else {
      if (hashPending) normal.push('#')
      hashPending = false
      normal.push(word)
    }
  }
  if (hashPending) normal.push('#')
  return normal
}

function childOf<T>(node: PatternNode<T>, word: string): PatternNode<T> | undefined {
  return word === '*' ? node.star : word === '#' ? node.hash : node.words.get(word)
}

function childFor<T>(node: PatternNode<T>, word: string): PatternNode<T> {
  const known = childOf(node, word)
  if (known !== undefined) return known
  const child = new PatternNode<T>(word === '#')
  if (word === '*') node.star = child
  else if (word === '#') node.hash = child
  else node.words.set(word, child)
  return child
}

function dropChild<T>(node: PatternNode<T>, word: string): void {
  invariant(childOf(node, word)?.isEmpty === true, `topic node '${word}' dropped while in use`)
  if (word === '*') node.star = undefined
  else if (word === '#') node.hash = undefined
  else node.words.delete(word)
}
