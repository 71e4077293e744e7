//! Acts: what the product does when there is a decision to take. Each file is one act with one function of its name; plain
//! reads go past this floor. An act and its line in the audit trail are one transaction.

pub mod accept_held_events;
pub mod change_email;
pub mod change_password;
pub mod change_plan;
pub mod confirm_password;
pub mod create_account;
pub mod delete_account;
pub mod delete_event;
pub mod discard_held_events;
pub mod end_expired;
pub mod end_session;
pub mod export;
pub mod export_audit;
pub mod export_events;
pub mod extend_overlap;
pub mod failure;
pub mod find_leaks;
pub mod generate_password;
pub mod installation_keys;
pub mod issue_credential;
pub mod prune;
pub mod rename_account;
pub mod rename_credential;
pub mod revoke_credential;
pub mod rotate_credential;
pub mod send_test_event;
pub mod set_expiry;
pub mod sign_in;
pub mod sign_out;
pub mod stop_old_password;
pub mod switch_credential;
pub mod switch_holding;
