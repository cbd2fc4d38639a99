import type { Writable } from 'node:stream';

/** Payloads up to this size are joined with their line; longer ones are handed to the socket as they are. */
const joinedBytesMax = 16_384;

/**
 * What goes out on one socket. Everything that is said in one turn leaves in one write: with TLS, a record per message
 * would cost more than the messages.
 */
export class Outbox {
  readonly #socket: Writable;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(socket: Writable) {
    this.#socket = socket;
  }

  /** Said and not yet taken by the system. */
  get pendingBytes(): number {
    return this.#bytes + this.#socket.writableLength;
  }

  line(text: string): void {
    this.#push(Buffer.from(`${text}\r\n`, 'latin1'));
  }

  message(line: string, payload: Buffer): void {
    if (payload.length > joinedBytesMax) {
      this.line(line);
      this.#push(payload);
      this.#push(lineEnd);
      return;
    }
    const whole = Buffer.allocUnsafe(line.length + payload.length + 4);
    const at = whole.write(`${line}\r\n`, 'latin1');
    payload.copy(whole, at);
    whole.write('\r\n', at + payload.length, 'latin1');
    this.#push(whole);
  }

  /** What was said so far goes out now; for the last words before the socket is closed. */
  flush(): void {
    const [first] = this.#parts;
    if (first === undefined || this.#socket.destroyed) return;
    const parts = this.#parts;
    const bytes = this.#bytes;
    this.#parts = [];
    this.#bytes = 0;
    this.#socket.write(parts.length === 1 ? first : Buffer.concat(parts, bytes));
  }

  #push(part: Buffer): void {
    if (this.#parts.length === 0) queueMicrotask(() => this.flush());
    this.#parts.push(part);
    this.#bytes += part.length;
  }
}

const lineEnd = Buffer.from('\r\n');
