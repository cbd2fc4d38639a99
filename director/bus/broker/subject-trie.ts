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

  /** `subject` as subjectTokens() gives it: so `*` and `>` among the children are always wildcards. */
  match(subject: readonly string[], found: (listener: Listener) => void): void {
    visit(this.#root, subject, 0, found);
  }

  get isEmpty(): boolean {
    return this.#root.children === undefined;
  }
}

interface Node<Listener> {
  children: Map<string, Node<Listener>> | undefined;
  listeners: Listener[] | undefined;
}

function visit<L>(node: Node<L>, subject: readonly string[], depth: number, found: (listener: L) => void): void {
  const token = subject[depth];
  if (token === undefined) {
    node.listeners?.forEach(found);
    return;
  }
  if (node.children === undefined) return;
  const same = node.children.get(token);
  if (same !== undefined) visit(same, subject, depth + 1, found);
  const any = node.children.get('*');
  if (any !== undefined) visit(any, subject, depth + 1, found);
  node.children.get('>')?.listeners?.forEach(found);
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
