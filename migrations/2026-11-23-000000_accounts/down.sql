drop table sessions;
drop table users;
drop table accounts;
drop table installation;
