drop function require_synchronous_standby(text[]);
