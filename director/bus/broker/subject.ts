/**
 * Subjects are tokens between dots. In a pattern, `*` stands for one token and a last `>` for one or more.
 * Source: https://docs.nats.io/nats-concepts/subjects
 */

/** Longest subject or pattern; BOSH's own are under 120. */
export const subjectCharsMax = 1024;
/** More tokens than any subject of ours; bounds the work of one look-up, since `*` makes it branch. */
export const subjectTokensMax = 16;

/** The tokens of a subject to publish on; undefined: it is none. */
export function subjectTokens(subject: string): string[] | undefined {
  const tokens = split(subject);
  return tokens?.some((token) => token === '*' || token === '>') === true ? undefined : tokens;
}

/** The tokens of a pattern to subscribe to; undefined: it is none. */
export function patternTokens(pattern: string): string[] | undefined {
  const tokens = split(pattern);
  const rest = tokens?.indexOf('>') ?? -1;
  return tokens !== undefined && rest !== -1 && rest !== tokens.length - 1 ? undefined : tokens;
}

function split(text: string): string[] | undefined {
  if (text.length > subjectCharsMax || /\s/.test(text)) return undefined;
  const tokens = text.split('.');
  return tokens.length > subjectTokensMax || tokens.includes('') ? undefined : tokens;
}
