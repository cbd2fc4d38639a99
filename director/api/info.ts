import { Router } from 'express';
import type { IdentityProvider } from '../auth/user.ts';
import type { Info } from './contract/info.ts';
import type { ApiDeps } from './deps.ts';
import { maybeUserOf } from './http/request.ts';

/** Open to everyone; with right credentials it tells the user, which is how a client logs in. */
export function infoRoutes({ director }: Pick<ApiDeps, 'director'>, identity: IdentityProvider): Router {
  const router = Router();
  router.get('/info', (req, res) => {
    const info: Info = {
      name: director.name,
      uuid: director.uuid,
      version: `${director.version} (${director.revision})`,
      user: maybeUserOf(res)?.name ?? null,
      cpi: director.cpi,
      stemcell_os: director.stemcellOs,
      stemcell_version: director.stemcellVersion,
      user_authentication: identity.clientInfo(req.headers.host),
      features: {
        local_dns: { status: director.localDns.enabled, extras: { domain_name: director.localDns.domain } },
        snapshots: { status: director.snapshots },
        config_server: { status: director.configServer.enabled, extras: { urls: director.configServer.urls } },
      },
    };
    res.json(info);
  });
  return router;
}
