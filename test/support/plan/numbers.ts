import type { Numbers } from '../../../director/plan/dns-names.ts';

/** Gives each name the next number when it is first asked for. */
class Numbering extends Map<string, number> {
  override get(name: string): number {
    const known = super.get(name) ?? this.size + 1;
    this.set(name, known);
    return known;
  }
}

export function anyNumbers(): Numbers {
  return {
    azs: new Numbering(),
    networks: new Numbering(),
    groups: new Numbering(),
    groupList: [],
    instances: new Numbering(),
  };
}
