import { openDistributedGateway } from './gateway.ts';
import { apiOptions, apiSuites } from './suites/api.ts';
import { runOnOneGateway } from './suites/shared-gateway.ts';

runOnOneGateway({ mode: 'distributed', open: openDistributedGateway }, apiOptions, apiSuites);
