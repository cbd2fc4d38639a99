import { readFile } from 'node:fs/promises';
import { findAssets } from './assets.ts';
import { rubyMemoryMibMax, seedTask } from './sandbox.ts';
import { keyOf, makeSeed } from './seed.ts';
import { hasSnapshot } from './snapshot-file.ts';

/**
 * Run by the build: starts Ruby and leaves its snapshot in the folder that is named, so that no director has to start
 * it again (seconds of processor time, and 540 MB while it lasts). Does nothing where the snapshot is there already.
 */
const [into] = process.argv.slice(2);
if (into === undefined) throw new Error('usage: make-snapshot FOLDER');
const task = await seedTask(await findAssets(), { cacheDir: into, memoryMibMax: rubyMemoryMibMax });
if (!(await hasSnapshot(into, keyOf(await readFile(task.wasmPath), task)))) await makeSeed(task);
