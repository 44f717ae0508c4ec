import { AuditQuery } from '../../management/audit.ts';
import { AuditLine, AuditPage, Liveness, OpenApiDocument, Readiness } from '../answers/other-answers.ts';
import type { Operation, Section } from '../operation.ts';

export const auditSection: Section = {
  tag: 'Audit log',
  description: 'Who changed what: every administrative change, with before and after.',
  kind: 'management',
  operations: {
    'GET /audit': { summary: 'A page of the changes.', query: [AuditQuery], answer: { AuditPage } },
    'GET /audit/:id': { summary: 'One change.', answer: { AuditLine }, errors: ['malformed_body', 'not_found'] },
  },
};

export const documentSection: Section = {
  tag: 'Documentation',
  description: 'The API about itself.',
  kind: 'management',
  operations: {
    'GET /openapi.json': { summary: 'This document.', answer: { OpenApiDocument } },
  },
};

const liveness: Operation = { summary: 'Whether the process runs; 503 while it drains.', answer: { Liveness } };

export const healthSection: Section = {
  tag: 'Health',
  description: 'For load balancers and orchestrators; no key is needed.',
  kind: 'public',
  operations: {
    'GET /health/liveness': liveness,
    'GET /health/liveliness': liveness,
    'GET /health/readiness': {
      summary: 'Whether the process can do its job; 503 names what it waits for.',
      answer: { Readiness },
    },
  },
};

export const metricsSection: Section = {
  tag: 'Metrics',
  description: "For Prometheus: with the operator's token, unless the configuration opens it.",
  kind: 'metrics',
  operations: {
    'GET /metrics': {
      summary: 'Metrics of this process.',
      media: { 'text/plain': "Prometheus' text format." },
    },
  },
};
