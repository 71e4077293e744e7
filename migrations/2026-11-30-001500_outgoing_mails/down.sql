alter table users drop column confirmed_email;
alter table installation drop column sends_mail;
drop table outgoing_mails;
