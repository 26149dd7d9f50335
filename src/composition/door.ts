import type { Settings } from '../config/settings.js';
import type { DataPath } from '../proxy/data-path.js';
import { type FrontDoor, openFrontDoor } from '../proxy/front-door.js';
import { CertificateFiles } from './certificate.js';

/** Opens the listeners for clients. With TLS, its certificate is followed until they are stopped. */
export async function openDoor({ listen, tls, server }: Settings, dataPath: DataPath): Promise<FrontDoor> {
  const certificate = tls && (await CertificateFiles.open(tls, dataPath));
  const { receiveTimeout, maxEventLoopLag: _, ...limits } = server;
  const door = await openFrontDoor(
    {
      listen,
      tls: tls && certificate && { ...tls, certificate: certificate.current },
      limits: { ...limits, requestTimeout: receiveTimeout },
    },
    dataPath,
  );
  await certificate?.follow((newer) => door.setCertificate(newer));
  return {
    ...door,
    stop: () => {
      certificate?.close();
      return door.stop();
    },
  };
}
