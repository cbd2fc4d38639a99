import type { Store } from '../store/store.ts';

const attribute = 'resurrection_paused';

/** Whether nothing in the whole director is repaired unasked: `bosh update-resurrection off`. */
export async function isResurrectionPaused(store: Pick<Store, 'attribute'>): Promise<boolean> {
  return (await store.attribute(attribute)) === 'true';
}

export async function pauseResurrection(store: Pick<Store, 'setAttribute'>, paused: boolean): Promise<void> {
  await store.setAttribute(attribute, String(paused));
}
