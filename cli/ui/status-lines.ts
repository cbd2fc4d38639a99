import { bar, type StatusLine } from './live-region.ts';

/** A stage: `⠋ Updating instance web  ██████░░░░  3/5  00:01:02`. Where that is too wide, the bar goes first. */
export function stageStatus(
  { title, finished, total }: { title: string; finished: number; total: number },
  { spinner, time }: { spinner: string; time: string },
): StatusLine {
  const count = `${finished}/${total}`;
  const withBar = (width: number) => `${spinner} ${title}  ${bar(finished, total, width)}  ${count}  ${time}`;
  // what counts is in front, should even that be cut
  return {
    text: withBar(20),
    shorter: [withBar(10), withBar(5), `${spinner} ${title}  ${count}  ${time}`, `${spinner} ${count}  ${title}`],
  };
}

/** The longest group name that stands beside its step and time on 40 columns. */
const nameLengthMax = 11;

/**
 * What an instance or package of it is at: `    web/<id> (0)  executing drain  00:00:12`. Where that is too wide, its name
 * becomes shorter before its step does: the other lines of the task have it whole.
 */
export function runningStatus(name: string, { step, time }: { step: string; time: string }): StatusLine {
  const line = (indent: string, ...parts: string[]) => indent + parts.filter((part) => part !== '').join('  ');
  const short = shortName(name);
  const shortest = cutName(short);
  return {
    text: line('    ', name, step, time),
    shorter: [
      line('    ', name.replace(longId, '/$1…'), step, time),
      line('  ', short, step, time),
      line('  ', shortest, step, time),
      line('  ', shortest, step),
    ],
    faint: true,
  };
}

/** An instance's id, or the fingerprint of a package; what stands behind the first eight digits tells nobody anything. */
const longId = /\/([0-9a-f]{8})[-0-9a-f]{12,}/;

/** `web/0 (canary)` for `web/<id> (0) (canary)`, and `ruby` for `ruby/<fingerprint>`. */
function shortName(name: string): string {
  const instance = name.replace(/\/[0-9a-f]{8}-[-0-9a-f]{27} \((\d+)\)/, '/$1');
  return instance === name ? name.replace(longId, '') : instance;
}

/** `…-kubelet/0` of `kubernetes-kubelet/0 (canary)`: ends differ where beginnings don't. */
function cutName(name: string): string {
  const bare = Array.from(name.replace(/ \(canary\)$/, ''));
  return bare.length <= nameLengthMax ? bare.join('') : `…${bare.slice(1 - nameLengthMax).join('')}`;
}
