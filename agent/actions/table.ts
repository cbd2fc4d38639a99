import type { AgentMethod } from '../protocol.ts';
import type { Action } from './action.ts';
import { addPersistentDisk } from './add-persistent-disk.ts';
import { apply } from './apply.ts';
import { compilePackage } from './compile-package.ts';
import { deleteArpEntries } from './delete-arp-entries.ts';
import { drain } from './drain.ts';
import { fetchLogs } from './fetch-logs.ts';
import { getState } from './get-state.ts';
import { info } from './info.ts';
import { listDisk } from './list-disk.ts';
import { migrateDisk } from './migrate-disk.ts';
import { mountDisk } from './mount-disk.ts';
import { ping } from './ping.ts';
import { prepare } from './prepare.ts';
import { removePersistentDisk } from './remove-persistent-disk.ts';
import { runErrand } from './run-errand.ts';
import { runScript } from './run-script.ts';
import { shutdown } from './shutdown.ts';
import { ssh } from './ssh.ts';
import { start } from './start.ts';
import { stop } from './stop.ts';
import { syncDns } from './sync-dns.ts';
import { unmountDisk } from './unmount-disk.ts';
import { updateSettings } from './update-settings.ts';
import { uploadBlob } from './upload-blob.ts';

/** Tasks are asked for and cancelled where they are kept: agent/dispatch.ts. */
export const actions: Record<Exclude<AgentMethod, 'get_task' | 'cancel_task'>, Action> = {
  ping,
  info,
  get_state: getState,
  prepare,
  apply,
  start,
  stop,
  drain,
  run_script: runScript,
  run_errand: runErrand,
  compile_package: compilePackage,
  fetch_logs: fetchLogs,
  list_disk: listDisk,
  mount_disk: mountDisk,
  unmount_disk: unmountDisk,
  migrate_disk: migrateDisk,
  add_persistent_disk: addPersistentDisk,
  remove_persistent_disk: removePersistentDisk,
  ssh,
  upload_blob: uploadBlob,
  update_settings: updateSettings,
  sync_dns: syncDns,
  delete_arp_entries: deleteArpEntries,
  shutdown,
};
