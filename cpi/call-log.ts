import type { Chance } from '../common/chance.ts';
import type { Clock, Timer } from '../common/clock.ts';

/**
 * The lines of a task's cpi output: one for each call and one for its answer, told apart by the request id when many
 * calls run at once.
 * Source: what bosh-director's external_cpi writes of its requests and responses.
 */
export class CallLog {
  readonly #kind: string;
  readonly #clock: Clock;
  readonly #write: (text: string) => void;

  /** @param kind `external-cpi` for a program; a CPI of ours has its own name */
  constructor(kind: string, clock: Clock, write: (text: string) => void) {
    this.#kind = kind;
    this.#clock = clock;
    this.#write = write;
  }

  /** @param request redacted already */
  asked(requestId: string, request: unknown, command?: string): void {
    this.#line(
      requestId,
      `request: ${JSON.stringify(request)}${command === undefined ? '' : ` with command: ${command}`}`,
    );
  }

  /** The request is in the output of an earlier attempt, maybe of another task. */
  askedBefore(requestId: string, method: string): void {
    this.#line(requestId, `${method} was asked before; its answer:`);
  }

  answered(requestId: string, answer: unknown): void {
    this.#line(requestId, `response: ${JSON.stringify(answer)}`);
  }

  /** An end that is no answer. */
  ended(requestId: string, why: string): void {
    this.#line(requestId, `no response: ${why}`);
  }

  #line(requestId: string, text: string): void {
    this.#write(`${new Date(this.#clock.now()).toISOString()} [${this.#kind}] [${requestId}] ${text}\n`);
  }
}

export function requestIdFrom(chance: Chance): string {
  return `cpi-${100_000 + chance.below(900_000)}`;
}

/** Longer ones are handed on in pieces: a program may never end its line. */
const lineCharsMax = 64 * 1024;
/** Nor may it ever go on with it: what it hangs at is in just that line. */
const lineWaitMs = 1_000;

/** Hands on whole lines of what comes in pieces, so that the programs of one task don't mix theirs. */
export function byLine(write: (text: string) => void, clock: Clock): { add: (text: string) => void; end: () => void } {
  let begun = '';
  let timer: Timer | undefined;
  const end = () => {
    timer?.cancel();
    timer = undefined;
    if (begun !== '') write(`${begun}\n`);
    begun = '';
  };
  return {
    add: (text) => {
      const at = text.lastIndexOf('\n') + 1;
      if (at > 0) {
        write(begun + text.slice(0, at));
        begun = '';
        timer?.cancel();
        timer = undefined;
      }
      begun += text.slice(at);
      if (begun.length > lineCharsMax) end();
      else if (begun !== '') timer ??= clock.after(lineWaitMs, end); // from its first piece: dots may come for ever
    },
    end,
  };
}
