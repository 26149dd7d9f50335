import type { GatewayViews, Readiness, RegistryView, ServiceView } from '../core/views.js';

/** The data of a `snapshot` event: all that a live view needs. */
export interface StreamSnapshot {
  readonly readiness: Readiness;
  readonly registries: readonly RegistryView[];
  readonly services: readonly ServiceView[];
}

export function takeSnapshot(views: GatewayViews): StreamSnapshot {
  return { readiness: views.readiness(), registries: views.registries(), services: views.services() };
}
