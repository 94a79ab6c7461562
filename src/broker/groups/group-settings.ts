/** What an operator may decide about groups. Defaults are those of Apache Kafka where it has them. */
export interface GroupSettings {
  /** How long the first join of an empty group waits for others; longer while others come. */
  readonly initialRebalanceDelayMs: number
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
  /** How long a member may wait in its first join: it has no session to lose yet. */
  readonly newMemberTimeoutMs: number
  readonly membersMax: number
  /** All metadata of one member, or all assignments of one sync. */
  readonly memberBytesMax: number
  /** What all members of a group say together: it goes into one entry of the log. */
  readonly groupBytesMax: number
  readonly offsetMetadataBytesMax: number
  /** Offsets nobody has used for this long are dropped. */
  readonly offsetsRetentionMs: number
  /** How often that is looked at. */
  readonly sweepMs: number
}

export const defaultGroupSettings: GroupSettings = {
  // Kafka waits 3 s: long for a newcomer who starts one consumer and waits for his first message.
  initialRebalanceDelayMs: 300,
  sessionTimeoutMsMin: 6000,
  sessionTimeoutMsMax: 30 * 60 * 1000,
  newMemberTimeoutMs: 5 * 60 * 1000,
  membersMax: 10_000,
  memberBytesMax: 4 * 1024 * 1024,
  groupBytesMax: 64 * 1024 * 1024,
  offsetMetadataBytesMax: 4096,
  offsetsRetentionMs: 7 * 24 * 3600 * 1000,
  sweepMs: 10 * 60 * 1000,
}
