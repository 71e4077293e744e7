alter table accounts drop column retention_days;
