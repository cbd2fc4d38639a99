/** A client broke the protocol or has no business here: it is told `-ERR '<message>'` and let go. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}
