// Sees to it that this Node has its better-sqlite3 (director/store/better-sqlite3.ts). 12, which Node 20 needs, must be
// fetched or compiled: a minute of processor time, with python3, make and g++. From Node 22 on nobody uses it, so its own
// install script is off (`allowScripts` in package.json), and is run here where it is needed.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const old = Number.parseInt(process.versions.node, 10) < 22;
const directory = old ? 'node_modules/better-sqlite3-node20' : 'node_modules/better-sqlite3';
if (!existsSync(directory))
  fail('better-sqlite3 was left out: install optional dependencies, too (`npm ci --include=optional`).');
if (old && !existsSync(`${directory}/build/Release/better_sqlite3.node`)) {
  try {
    execFileSync('npm', ['run', 'install'], { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    fail(
      `${error.stdout}${error.stderr}\nSQLite could not be built. Install python3, make and g++, or use Node 22 or later.`,
    );
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
