import type { ProblemType } from '../store/problems.ts';

/** `invalid_problem`: what was found is no more. */
export type ProblemKind = ProblemType | 'invalid_problem';

interface KindTexts {
  /** What may be done, in the order of the menu, with what clients show of it. */
  resolutions: Readonly<Record<string, string>>;
  /** What is done when nobody chooses. */
  auto: string;
}

const ignore = 'Skip for now';
const recreate = {
  recreate_vm_without_wait: 'Recreate VM without waiting for processes to start',
  recreate_vm: 'Recreate VM and wait for processes to start',
};

/** Clients match on names and texts. Source: cloudfoundry/bosh, problem_handlers. */
export const kinds = {
  missing_vm: {
    resolutions: { ignore, ...recreate, delete_vm_reference: 'Delete VM reference' },
    auto: 'recreate_vm_without_wait',
  },
  unresponsive_agent: {
    resolutions: {
      ignore,
      reboot_vm: 'Reboot VM',
      ...recreate,
      delete_vm: 'Delete VM',
      delete_vm_reference:
        'Delete VM reference (forceful; may need to manually delete VM from the Cloud to avoid IP conflicts)',
    },
    auto: 'ignore',
  },
  missing_disk: {
    resolutions: { ignore, delete_disk_reference: 'Delete disk reference (DANGEROUS!)' },
    auto: 'ignore',
  },
  inactive_disk: {
    resolutions: { ignore, delete_disk: 'Delete disk', activate_disk: 'Activate disk' },
    auto: 'ignore',
  },
  mount_info_mismatch: {
    resolutions: {
      ignore: 'Ignore',
      reattach_disk: 'Reattach disk to instance',
      reattach_disk_and_reboot: 'Reattach disk and reboot instance',
    },
    auto: 'ignore',
  },
  invalid_problem: { resolutions: { close: 'Close problem' }, auto: 'close' },
} as const satisfies Record<ProblemKind, KindTexts>;

export type Kinds = typeof kinds;
/** The names of what may be done about a problem of this kind. */
export type ResolutionOf<K extends ProblemKind> = keyof Kinds[K]['resolutions'] & string;

/** Undefined: this kind has no such resolution. */
export function planOf(kind: ProblemKind, resolution: string): string | undefined {
  const { resolutions }: KindTexts = kinds[kind];
  return Object.hasOwn(resolutions, resolution) ? resolutions[resolution] : undefined;
}
