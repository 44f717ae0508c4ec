import { openEmbeddedGateway } from './gateway.ts';
import { apiOptions, apiSuites } from './suites/api.ts';
import { runOnOneGateway } from './suites/shared-gateway.ts';

runOnOneGateway({ mode: 'embedded', open: openEmbeddedGateway }, apiOptions, apiSuites);
