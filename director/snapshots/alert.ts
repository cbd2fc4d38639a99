import type { Bus } from '../bus/bus.ts';
import { instanceLabel } from '../plan/actual.ts';
import type { Instance } from '../store/instances.ts';

/** BOSH's "error". */
const severity = 3;

/** For the health monitor and its plugins. */
export async function snapshotAlert(
  bus: Bus,
  { instance, message, nowMs }: { instance: Instance; message: string; nowMs: number },
): Promise<void> {
  const connection = await bus.connect('director');
  try {
    connection.publish(
      'hm.director.alert',
      JSON.stringify({
        id: 'director',
        severity,
        title: 'director - snapshot failure',
        summary: `failed to snapshot ${instanceLabel(instance)}: ${message}`,
        created_at: Math.floor(nowMs / 1000),
      }),
    );
    await connection.flush();
  } finally {
    await connection.close();
  }
}
