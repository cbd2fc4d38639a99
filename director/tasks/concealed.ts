/** Shorter ones are words and numbers that stand in outputs for other reasons, too. */
const charactersMin = 6;
const hidden = '<redacted>';

/** Texts that a task knows and must not tell, whoever quotes them: a template, an agent, an infrastructure. */
export class Concealed {
  /** As they are, and as they are written in JSON. */
  readonly #texts = new Set<string>();

  add(texts: Iterable<string>): void {
    for (const text of texts) {
      const trimmed = text.trim();
      if (trimmed.length < charactersMin) continue;
      this.#texts.add(trimmed);
      this.#texts.add(JSON.stringify(trimmed).slice(1, -1));
    }
  }

  in(text: string): string {
    let result = text;
    for (const secret of this.#texts) if (result.includes(secret)) result = result.replaceAll(secret, hidden);
    return result;
  }
}
