"""Every task for programs: named endpoints, and tools for MCP clients."""
