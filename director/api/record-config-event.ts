import type { ApiDeps } from './deps.ts';

/** Who changed a config, or tried to: what `bosh events` shows. */
export async function recordConfigEvent(
  { store, clock, director }: Pick<ApiDeps, 'store' | 'clock' | 'director'>,
  event: { user: string; action: 'create' | 'update'; type: string; name: string | null; error?: string },
): Promise<void> {
  if (!director.recordEvents) return;
  await store.events.add({
    parentId: null,
    atMs: clock.now(),
    user: event.user,
    action: event.action,
    objectType: event.type,
    objectName: event.name,
    error: event.error ?? null,
    task: null,
    deployment: null,
    instance: null,
    context: {},
  });
}
