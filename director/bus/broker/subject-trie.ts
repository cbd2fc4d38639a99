/**
 * Who listens to what, by the tokens of their patterns. Finding the listeners of a subject costs its number of tokens
 * (twice that for each `*` on the way), however many agents there are.
 */
export class SubjectTrie<Listener> {
  readonly #root: Node<Listener> = { children: undefined, listeners: undefined };

  /** `pattern` as patternTokens() gives it. */
  add(pattern: readonly string[], listener: Listener): void {
    let node = this.#root;
    for (const token of pattern) {
      node.children ??= new Map();
      let child = node.children.get(token);
      if (child === undefined) node.children.set(token, (child = { children: undefined, listeners: undefined }));
      node = child;
    }
    (node.listeners ??= []).push(listener);
  }

  /** Unknown listener: nothing happens. Branches that lead nowhere any more are cut: agents come and go. */
  remove(pattern: readonly string[], listener: Listener): void {
    removeBelow(this.#root, pattern, 0, listener);
  }

  /**
   * `subject` as subjectTokens() gives it: so `*` and `>` among the children are always wildcards.
   * A list of its own, since whoever is told may stop listening at that.
   */
  match(subject: readonly string[]): Listener[] {
    const found: Listener[] = [];
    collect(this.#root, subject, 0, found);
    return found;
  }

  get isEmpty(): boolean {
    return this.#root.children === undefined;
  }
}

interface Node<Listener> {
  children: Map<string, Node<Listener>> | undefined;
  listeners: Listener[] | undefined;
}

function collect<L>(node: Node<L>, subject: readonly string[], depth: number, found: L[]): void {
  const token = subject[depth];
  if (token === undefined) {
    if (node.listeners !== undefined) found.push(...node.listeners);
    return;
  }
  if (node.children === undefined) return;
  const same = node.children.get(token);
  if (same !== undefined) collect(same, subject, depth + 1, found);
  const any = node.children.get('*');
  if (any !== undefined) collect(any, subject, depth + 1, found);
  const rest = node.children.get('>')?.listeners;
  if (rest !== undefined) found.push(...rest);
}

function removeBelow<L>(node: Node<L>, pattern: readonly string[], depth: number, listener: L): void {
  const token = pattern[depth];
  if (token === undefined) {
    const left = node.listeners?.filter((each) => each !== listener);
    node.listeners = left?.length === 0 ? undefined : left;
    return;
  }
  const child = node.children?.get(token);
  if (child === undefined) return;
  removeBelow(child, pattern, depth + 1, listener);
  if (child.children !== undefined || child.listeners !== undefined) return;
  node.children?.delete(token);
  if (node.children?.size === 0) node.children = undefined;
}
