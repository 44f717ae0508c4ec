import { budgetRoutes } from './budgets/budget-routes.ts';
import { customerRoutes } from './customers/customer-routes.ts';
import { keyRoutes } from './keys/key-routes.ts';
import type { ManagementDeps } from './management-deps.ts';
import type { ManagementRoute } from './management-route.ts';
import { organizationRoutes } from './organizations/organization-routes.ts';
import { tagRoutes } from './tags/tag-routes.ts';
import { teamRoutes } from './teams/team-routes.ts';
import { userRoutes } from './users/user-routes.ts';

/** Every endpoint by which an administrator changes who may call what, and sees it. */
export function managementRoutes(deps: ManagementDeps): readonly ManagementRoute[] {
  return [
    ...keyRoutes(deps),
    ...teamRoutes(deps),
    ...userRoutes(deps),
    ...organizationRoutes(deps),
    ...customerRoutes(deps),
    ...tagRoutes(deps),
    ...budgetRoutes(deps),
  ];
}
