// Sees to it that this Node has its better-sqlite3 (director/store/better-sqlite3.ts). 12, which Node 20 needs, must be
// fetched or compiled: a minute of processor time, with python3, make and g++. From Node 22 on nobody uses it, so its own
// install script is off (`allowScripts` in package.json), and is run here where it is needed. (npm 10 knows no allowScripts:
// it runs the script everywhere, and takes the package away again where that fails.)
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

const old = Number.parseInt(process.versions.node, 10) < 22;
const directory = old ? 'node_modules/better-sqlite3-node20' : 'node_modules/better-sqlite3';
if (!existsSync(directory)) {
  fail(
    (old ? `npm could not compile SQLite, for which Node 20 needs python3, make and g++, or it` : 'npm') +
      ' left out optional dependencies: `npm ci --include=optional` brings them.',
  );
}
if (old && !existsSync(`${directory}/build/Release/better_sqlite3.node`)) {
  const [headers, root] = headersHere();
  try {
    execFileSync('npm', ['run', 'install'], {
      cwd: directory,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, ...(headers ? { npm_config_nodedir: root } : {}) },
    });
  } catch (error) {
    const source = headers ? `those in ${root}/include/node` : 'from nodejs.org, for this Node came without them';
    fail(
      `${error.stdout}${error.stderr}\nSQLite could not be built. It needs python3, make and g++, and Node's headers ` +
        `(${source}). Node 22 or later needs none of that.`,
    );
  }
}

/** Whether Node's headers came with it, of its own version, and below what. */
function headersHere() {
  const root = join(dirname(realpathSync(process.execPath)), '..');
  try {
    const version = readFileSync(join(root, 'include/node/node_version.h'), 'utf8');
    const [major, minor, patch] = ['MAJOR', 'MINOR', 'PATCH'].map(
      (part) => new RegExp(`#define NODE_${part}_VERSION (\\d+)`).exec(version)?.[1],
    );
    return [`${major}.${minor}.${patch}` === process.versions.node, root];
  } catch {
    return [false, root];
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
