#!/bin/sh
# The node that was there when the package was compiled; another one if it was compiled elsewhere.
set -eu
package=$(cd "$(dirname "$0")/.." && pwd)
node=$package/bin/node
[ -x "$node" ] || node=${NODE:-$(command -v node)}
exec "$node" "$package/lib/greeter.mjs" "$@"
