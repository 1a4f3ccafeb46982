// Names of definitions, schedules and the like, each namespace for itself: those of a tenant are kept as `<namespace>/<name>`.

export const scopedName = (name: string, namespace: string | undefined): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** The name as its owner knows it. */
export const plainName = (scoped: string): string => scoped.slice(scoped.indexOf("/") + 1);

/** The namespace that it belongs to; undefined for the installation's own. */
export function namespaceOf(scoped: string): string | undefined {
  const end = scoped.indexOf("/");
  return end === -1 ? undefined : scoped.slice(0, end);
}

/** Another name in the same namespace. */
export const besideName = (scoped: string, name: string): string =>
  scopedName(name, namespaceOf(scoped));

/** The namespace of a scoped name as the origin of what is made by its bearer. */
export function ownerOf(scoped: string): { namespace?: string } {
  const namespace = namespaceOf(scoped);
  return namespace === undefined ? {} : { namespace };
}
