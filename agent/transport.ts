/**
 * The bus, as an agent sees it: subjects and bytes. The director's in-process bus has connections of this shape,
 * so a simulated agent sits on it directly; a real one uses agent/nats-transport.ts. Delivery is at most once.
 */
export interface Transport {
  /**
   * Returns at once. What a lost connection cannot take is lost.
   * @throws Error when the subject is not this agent's to speak on, the payload too large, or the transport closed
   */
  publish(subject: string, payload: Uint8Array): void;
  /** Calls `receive` for every message on exactly this subject, in order, until unsubscribed or closed. */
  subscribe(subject: string, receive: (subject: string, payload: Buffer) => void): Subscription;
  close(): Promise<void>;
}

export interface Subscription {
  unsubscribe(): void;
}
