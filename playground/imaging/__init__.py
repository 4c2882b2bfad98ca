"""Pictures: opening what people bring (`opening`: upright RGB, bounded memory), and drawing over them (`drawing`)."""
