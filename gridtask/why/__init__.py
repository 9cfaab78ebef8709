"""Why a call is reused or not."""
