drop table consumers;
