"""Pictures: opening what strangers bring (`opening`), and drawing masks, maps and boxes over them (`drawing`)."""
