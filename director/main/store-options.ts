import type { DirectorConfig } from '../config.ts';
import { namedPem } from '../config/named-file.ts';
import type { StoreOptions } from '../store/open-store.ts';

export async function storeOptions({ database }: DirectorConfig): Promise<StoreOptions> {
  if (database.kind === 'sqlite') return { kind: 'sqlite', path: database.file };
  const { kind, host, port, database: name, user, password, connections, caCertificate } = database;
  const tls =
    caCertificate === undefined ? {} : { caCertificate: await namedPem('database.ca_certificate', caCertificate) };
  return { kind, host, port, database: name, user, password, connectionsMax: connections, ...tls };
}
