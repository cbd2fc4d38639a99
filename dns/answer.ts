import packet, { type Answer, type Packet } from 'dns-packet';
import { find, type Health } from './query.ts';
import type { Records } from './records.ts';

/** What becomes of a message: an answer of ours, or what the recursors say. */
export type Verdict = { kind: 'answer'; bytes: Buffer } | { kind: 'forward'; id: number };

const codes = { ok: 0, malformed: 1, failed: 2, unknown: 3 } as const;
/** Of a client that does not say what it takes over UDP. */
const plainBytesMax = 512;

export interface AnswerDeps {
  records: Records;
  health: Health;
  /** 0 to 1: which of several addresses comes first. */
  random: () => number;
}

/** @param overTcp whole answers, however long. @throws when it is no DNS message */
export function answer(message: Buffer, { records, health, random }: AnswerDeps, overTcp: boolean): Verdict {
  const query = packet.decode(message);
  const [question] = query.questions ?? [];
  const reply = (code: number, answers: Answer[] = []): Verdict => ({
    kind: 'answer',
    bytes: encode(query, { code, answers }, overTcp),
  });
  if (query.type !== 'query' || question === undefined || query.questions?.length !== 1) return reply(codes.malformed);
  const found = find(records, question.name, health);
  if (found.kind === 'elsewhere') return { kind: 'forward', id: query.id ?? 0 };
  if (found.kind === 'malformed') return reply(codes.malformed);
  if (found.endpoints.length === 0) return reply(codes.unknown);
  const wanted = found.endpoints.filter(
    ({ isIpv6 }) => (question.type as string) === 'ANY' || question.type === (isIpv6 ? 'AAAA' : 'A'),
  );
  const answers = shuffled(wanted, random).map(({ ip, isIpv6 }): Answer => ({
    type: isIpv6 ? 'AAAA' : 'A',
    name: question.name,
    ttl: 0,
    data: ip,
  }));
  return reply(codes.ok, answers);
}

/** Nothing came from the recursors. */
export function failure(message: Buffer): Buffer {
  return encode(packet.decode(message), { code: codes.failed, answers: [] }, true);
}

function encode(query: Packet, { code, answers }: { code: number; answers: Answer[] }, overTcp: boolean): Buffer {
  const edns = query.additionals?.find((each) => each.type === 'OPT');
  const flags =
    packet.AUTHORITATIVE_ANSWER | packet.RECURSION_AVAILABLE | ((query.flags ?? 0) & packet.RECURSION_DESIRED) | code;
  const whole: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags,
    questions: query.questions ?? [],
    answers,
    ...(edns === undefined
      ? {}
      : {
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: 4096,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
        }),
  };
  const bytes = packet.encode(whole);
  const bytesMax = Math.max(plainBytesMax, edns?.type === 'OPT' ? edns.udpPayloadSize : plainBytesMax);
  if (overTcp || bytes.length <= bytesMax) return bytes;
  return packet.encode({ ...whole, flags: flags | packet.TRUNCATED_RESPONSE, answers: [] });
}

/** Each client takes the first: which that is changes, so that none gets all of them. */
function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const left = [...list];
  for (let i = left.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [left[i], left[j]] = [left[j] as T, left[i] as T]; // both are within
  }
  return left;
}
