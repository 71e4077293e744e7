alter table daily_counts reset (toast_tuple_target);
alter table daily_counts
    drop column half_hours,
    drop column accepted_parts,
    drop column rejected_parts,
    drop column bytes_parts;
