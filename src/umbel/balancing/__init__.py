"""Many losses, one update: pure mathematics that knows neither tasks nor data."""
