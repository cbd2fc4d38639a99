import { messageBytesMax } from '../../../agent/protocol.ts';
import { ProtocolError } from './protocol-error.ts';

/** Longest line, payloads aside. As nats-server's max_control_line. */
export const lineBytesMax = 4096;

/** What a client said. `payload` is a part of what was read from the socket: nobody writes to it any more. */
export type ClientOperation =
  | { op: 'connect'; options: ConnectOptions }
  | { op: 'publish'; subject: string; reply: string; payload: Buffer }
  | { op: 'subscribe'; subject: string; queue: string | undefined; sid: string }
  | { op: 'unsubscribe'; sid: string; messagesMax: number }
  | { op: 'ping' }
  | { op: 'pong' };

/** What of CONNECT matters here; clients send much more. */
export interface ConnectOptions {
  verbose: boolean;
  echo: boolean;
}

/**
 * Client half of the NATS protocol, in whatever pieces it arrives.
 * Source: https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
export class Parser {
  readonly #emit: (operation: ClientOperation) => void;
  /** Read and not yet understood. Joined only once there is enough to go on, so that a large payload is copied once. */
  #chunks: Buffer[] = [];
  #held = 0;
  #needed = 1;

  constructor(emit: (operation: ClientOperation) => void) {
    this.#emit = emit;
  }

  /** @throws ProtocolError when the client must be told so and let go */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    const [first = chunk] = this.#chunks;
    const bytes = this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    const used = this.#parse(bytes);
    const rest = bytes.subarray(used);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
  }

  /** Returns how many bytes were understood; what is then needed is in #needed. */
  #parse(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(0x0a, at);
      const lineBytes = (end === -1 ? bytes.length : end) - at;
      if (lineBytes > lineBytesMax) throw new ProtocolError('maximum control line exceeded');
      if (end === -1) {
        this.#needed = lineBytes + 1;
        return at;
      }
      const line = bytes.toString('latin1', at, bytes[end - 1] === 0x0d ? end - 1 : end);
      const next = this.#line(line, bytes, end + 1);
      if (typeof next !== 'number') {
        this.#needed = end + 1 - at + next.payloadBytes;
        return at;
      }
      at = next;
    }
  }

  /** Handles one line; returns where the next one begins, or how much must follow this line before it can be handled. */
  #line(line: string, bytes: Buffer, after: number): number | { payloadBytes: number } {
    const space = line.search(/[ \t]/);
    const name = (space === -1 ? line : line.slice(0, space)).toUpperCase();
    const rest = space === -1 ? '' : line.slice(space + 1).trim();
    switch (name) {
      case 'PUB':
        return this.#publish(rest, bytes, after);
      case 'PING':
        this.#emit({ op: 'ping' });
        return after;
      case 'PONG':
        this.#emit({ op: 'pong' });
        return after;
      case 'SUB':
        this.#emit(subscribe(rest));
        return after;
      case 'UNSUB':
        this.#emit(unsubscribe(rest));
        return after;
      case 'CONNECT':
        this.#emit({ op: 'connect', options: connectOptions(Buffer.from(rest, 'latin1').toString()) });
        return after;
      case 'HPUB': // INFO says headers: false, so a client that reads it never comes here
        throw new ProtocolError('message headers not supported');
      case '': // an empty line, as telnet users send
        return after;
      default:
        throw new ProtocolError('Unknown Protocol Operation');
    }
  }

  #publish(rest: string, bytes: Buffer, after: number): number | { payloadBytes: number } {
    const words = rest.split(/[ \t]+/);
    const size = words.at(-1);
    if (words.length < 2 || words.length > 3 || size === undefined || !/^\d{1,9}$/.test(size)) {
      throw new ProtocolError('Parser Error');
    }
    const length = Number(size);
    if (length > messageBytesMax) throw new ProtocolError('Maximum Payload Violation');
    const end = after + length;
    if (bytes.length < end + 2) return { payloadBytes: length + 2 };
    if (bytes[end] !== 0x0d || bytes[end + 1] !== 0x0a) throw new ProtocolError('Parser Error');
    const [subject = '', reply = ''] = words.slice(0, -1);
    this.#emit({ op: 'publish', subject, reply, payload: bytes.subarray(after, end) });
    return end + 2;
  }
}

function subscribe(rest: string): ClientOperation {
  const words = rest.split(/[ \t]+/);
  const [subject = '', second = '', third] = words;
  if (words.length < 2 || words.length > 3) throw new ProtocolError('Parser Error');
  if (third === undefined) return { op: 'subscribe', subject, queue: undefined, sid: second };
  return { op: 'subscribe', subject, queue: second, sid: third };
}

function unsubscribe(rest: string): ClientOperation {
  const [, sid, max] = /^(\S+)(?:[ \t]+(\d{1,9}))?$/.exec(rest) ?? [];
  if (sid === undefined) throw new ProtocolError('Parser Error');
  return { op: 'unsubscribe', sid, messagesMax: Number(max ?? 0) };
}

function connectOptions(text: string): ConnectOptions {
  let options: unknown;
  try {
    options = JSON.parse(text);
  } catch {
    throw new ProtocolError('Parser Error');
  }
  if (typeof options !== 'object' || options === null) throw new ProtocolError('Parser Error');
  const { verbose, echo } = options as { verbose?: unknown; echo?: unknown }; // checked by use
  return { verbose: verbose === true, echo: echo !== false };
}
